"""``yizhan bench``: what the station's work costs here, against a floor measured in the same run."""
