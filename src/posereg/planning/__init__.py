"""What a sweep will cost, before it is started: its runs, their steps, memory and hours."""
