"""Measurements on a machine that others use too: waits until it is idle, and says how much of it they took."""
import os
import subprocess
import sys
import time


def busy_seconds():
    """Of all processors since the machine started: everybody's time, and the time the host kept to itself."""
    user, nice, system, _, _, interrupt, soft, stolen = map(int, open("/proc/stat").readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupt + soft) / tick, stolen / tick


def wait_until_idle(limit=30.0):
    deadline = time.time() + limit
    while time.time() < deadline:
        before = busy_seconds()[0]
        time.sleep(0.5)
        if busy_seconds()[0] - before < 0.1:
            return
    print("still not idle after half a minute: measured all the same", file=sys.stderr)


def run_children(commands, environments, timeout=180):
    """Runs the commands at once; returns their outputs, peak MB and the share of the processors that others took."""
    wait_until_idle()
    began, (busy, stolen) = time.time(), busy_seconds()
    children = [
        subprocess.Popen(c, env=os.environ | e | {"BENCHMARK_START": str(began)}, stdout=subprocess.PIPE, text=True)
        for c, e in zip(commands, environments)
    ]
    outputs, peak, own = [], 0.0, 0.0
    try:
        for child in children:
            outputs.append(child.stdout.read())  # ends with the process
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            peak, own = max(peak, usage.ru_maxrss / 1024), own + usage.ru_utime + usage.ru_stime
            if child.returncode != 0:
                raise SystemExit(f"exit code {child.returncode}: {' '.join(child.args)}")
            if time.time() - began > timeout:
                raise SystemExit(f"over {timeout} s: {' '.join(child.args)}")
    finally:
        for child in children:
            if child.returncode is None:
                child.kill()
    wall = time.time() - began
    busy_now, stolen_now = busy_seconds()
    others = max(0.0, busy_now - busy - own + stolen_now - stolen) / wall / os.cpu_count()
    return outputs, peak, others
