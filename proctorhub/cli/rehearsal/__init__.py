"""`proctorhub rehearse`: synthetic people sit a real exam through the real doors."""
