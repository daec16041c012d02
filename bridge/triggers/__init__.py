"""The outside world -> messages of the route table."""
