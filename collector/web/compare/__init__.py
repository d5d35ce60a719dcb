"""Photos compared: beside each other or laid over, brought to one scale by two marks on each."""
