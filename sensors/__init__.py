"""What starts runs: jobs, schedules and sensors.

Here belongs deciding when something runs; each sensor is a thin shell over a pure function that is tested alone. What a run does lies
in `assets/`.
"""
