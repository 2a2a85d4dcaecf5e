"""首问登记簿, 转办台账 and 承办部门目录: what leaves the counter for somebody else."""
