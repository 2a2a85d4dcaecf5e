"""督办看板: how everything stands, for who leads the station."""
