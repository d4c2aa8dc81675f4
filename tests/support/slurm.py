"""A Slurm of one machine, on the loopback: munged, slurmctld and slurmd with all their files in one folder.

python tests/support/slurm.py DIR       starts it and prints what to export; Ctrl-C ends it
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun")
# Two partitions over the same machine: jobs of `high` take it from those of `low`, which are queued again.
CONFIG = """
ClusterName=posereg
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=20
OverTimeLimit=0
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 GraceTime=30
PartitionName=high Nodes=ALL PriorityTier=10
"""


def missing():
    """The first of Slurm's programs that is not installed, if there is one."""
    return next((name for name in PROGRAMS if which(name) is None), None)


def which(name):
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def start(folder):
    """Start it; its processes, and the variable by which Slurm's commands find it."""
    folder = Path(folder).absolute()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)  # munged insists
    host, user = socket.gethostname().split(".")[0], subprocess.check_output(["id", "-un"], text=True).strip()
    cores = len(os.sched_getaffinity(0))
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, host=host, user=user, ports=free_ports(2), cores=cores))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    environment = {**os.environ, "SLURM_CONF": str(config)}
    munge = [f"--{name}={folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
    commands = (
        [which("munged"), "--foreground", "--force", f"--key-file={key}", *munge],
        [which("slurmctld"), "-D"],
        [which("slurmd"), "-D"],
    )
    processes = []
    for command in commands:
        with open(folder / f"{Path(command[0]).name}.out", "ab") as log:
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder))
        time.sleep(1.0)
    deadline = time.monotonic() + 30
    while "idle" not in said(["sinfo", "-h", "-o", "%T"], environment) and time.monotonic() < deadline:
        time.sleep(0.5)
    return processes, {"SLURM_CONF": str(config)}


def stop(processes):
    for process in reversed(processes):
        process.terminate()
    for process in reversed(processes):
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def said(command, environment):
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


if __name__ == "__main__":
    running, variables = start(sys.argv[1])
    print("\n".join(f"export {name}={value}" for name, value in variables.items()), flush=True)
    try:
        running[1].wait()
    finally:
        stop(running)
