#!/usr/bin/env bash
# Runs advparams-array.sbatch in a real Slurm: munged, slurmctld and slurmd of this
# host, with configuration, state and ports of their own, in a temporary folder.
# Debian's packages are installed if they are missing and this is root; where that
# cannot be, the test is skipped with a message.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

skip() { echo "skipped: $*"; exit 0; }
fail() { echo "FAILED: $*" >&2; cat "$work"/story/*.log "$work"/slurm*.log >&2 || true; exit 1; }

PATH=$PATH:/usr/sbin:/sbin
installed() { for p in slurmctld slurmd munged sbatch; do command -v "$p" >/dev/null || return 1; done; }
if ! installed; then
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || skip "Slurm is not installed, and only root can"
	echo "installing Slurm"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge; } >/dev/null 2>&1 ||
		skip "Debian's packages of Slurm cannot be installed"
fi
[[ $(id -u) == 0 ]] || skip "slurmd of this configuration has to run as root"

work=$(mktemp -d)
chmod 755 "$work"
pids=()
cleanup() {
	status=$?
	((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null
	wait
	rm -rf "$work"
	exit "$status"
}
trap cleanup EXIT

# Slurm.
mkdir -p "$work"/{munge,state,spool}
chmod 700 "$work/munge"
head -c 128 /dev/urandom >"$work/munge/key"
chmod 600 "$work/munge/key"
socket=$work/munge.socket
host=$(hostname -s)
port=$((20000 + RANDOM % 20000))
cat >"$work/slurm.conf" <<CONF
ClusterName=e2e
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
munged --foreground --force --key-file="$work/munge/key" --socket="$socket" --log-file="$work/munge/log" \
	--pid-file="$work/munge/pid" --seed-file="$work/munge/seed" >/dev/null 2>&1 &
pids+=($!)
for _ in {1..50}; do [[ -S $socket ]] && break; sleep 0.1; done
slurmctld -D >/dev/null 2>&1 &
pids+=($!)
slurmd -D -N "$host" >/dev/null 2>&1 &
pids+=($!)
for i in {1..60}; do
	sinfo --noheader --format=%T 2>/dev/null | grep -q idle && break
	((i < 60)) || { tail -n 5 "$work"/slurm*.log; skip "slurmctld and slurmd do not come up here"; }
	sleep 0.5
done
echo "Slurm $(sinfo --version | cut -d' ' -f2) is up on $host"

# A good model, one that no retry helps (status 5), and one that is not there
# until the first attempt at it has failed (status 1).
(cd "$root" && go build -o "$work/advparams" ./cmd/advparams)
"$work/advparams" demo --quiet "$work/story" >/dev/null
cd "$work/story"
mkdir models
cp glyphs.onnx models/a-good.onnx
LC_ALL=C sed 's/Gemm/Gemx/g' glyphs.onnx >models/b-unknown.onnx
cat >models.yaml <<YAML
version: 1
defaults:
  data: {path: data}
  samples: 200
  seal: {plain: true}
  verify: {data: {limit: 200}}
models: [models/a-good.onnx, models/b-unknown.onnx, models/c-late.onnx]
YAML
job=$(ADVPARAMS=$work/advparams sbatch --parsable --array=0-2 --cpus-per-task=1 --mem=0 "$here/advparams-array.sbatch" models.yaml)
echo "job array $job"

field() { scontrol show job "${job}_$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
for i in {1..240}; do
	if [[ ! -e models/c-late.onnx && $(field 2 Restarts) == 1 ]]; then
		echo "element 2 was queued again; its model is there now"
		cp glyphs.onnx models/c-late.onnx
	fi
	# Slurm lets a job that is queued again wait for two minutes.
	if [[ $(field 2 JobState) == PENDING && $(field 2 Restarts) == 1 ]]; then
		scontrol update "jobid=${job}_2" StartTime=now >/dev/null 2>&1 || true
	fi
	states="$(field 0 JobState) $(field 1 JobState) $(field 2 JobState)"
	[[ $states =~ PENDING|RUNNING|COMPLETING|CONFIGURING|REQUEUE ]] || break
	((i < 240)) || fail "not done after four minutes: $states"
	sleep 1
done
for i in 0 1 2; do
	echo "element $i: $(field $i JobState), exit code $(field $i ExitCode), $(field $i Restarts) restarts"
done
[[ $(field 0 JobState) == COMPLETED && $(field 0 Restarts) == 0 ]] || fail "the good model should be done at once"
[[ $(field 1 ExitCode) == 5:0 && $(field 1 Restarts) == 0 ]] || fail "status 5 should not be tried again"
[[ $(field 2 JobState) == COMPLETED && $(field 2 Restarts) == 1 ]] || fail "status 1 should be tried again, with success"
for m in a-good c-late; do
	"$work/advparams" unlock "models/$m.locked.onnx" --key "models/$m.locked.key" -o back.onnx --force --quiet >/dev/null
	cmp back.onnx glyphs.onnx
done
echo "ok: the array did its models, and retried what was worth it"
