"""Each service with all that it needs, as a context: entered it works, left it has stopped.

Inside a process the ports are the objects themselves, across processes their forms over core NATS.
"""
