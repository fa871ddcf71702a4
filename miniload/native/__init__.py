"""Runs a plan on this machine: stub and plan become one file, which is exec'd."""
