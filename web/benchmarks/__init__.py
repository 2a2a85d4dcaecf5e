"""``yizhan bench``: what this machine needs for the station's work, against a floor measured in the same run."""
