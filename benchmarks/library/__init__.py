"""What loading, looking up and calling cost, compared with ctypes."""
