"""来访登记: who came by, in one line; and the way from there to a case."""
