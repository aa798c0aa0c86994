"""A job that tries to outlive its end: a child in a session of its own, a daemon forked twice, SIGTERM ignored.

Each process carries the marker as a word of its command line and says a line when it is up.
"""

import os
import signal
import subprocess
import sys
import time

marker, role = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "parent"
signal.signal(signal.SIGTERM, signal.SIG_IGN)

if role == "parent":
    for role in ["session", "daemon"]:
        subprocess.Popen([sys.executable, __file__, marker, role])
elif role == "session":
    os.setsid()
elif role == "daemon":
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)

print(f"{role} is up", flush=True)
while True:
    time.sleep(1000)
