#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# oci-slurm.sh - Slurm runs job steps in containers of hospes-oci: controller, node and munge on this machine alone.
# limit: 200
. "$(dirname "$0")/oci/engines.sh"
need slurmctld slurmd srun munged

# Names that the resolver takes need an address that is not loopback's.
node=$(hostname -s)
own_etc
ip link add slurm0 type veth peer name slurm1
ip addr add 10.79.0.1/24 dev slurm0
ip link set slurm0 up
ip link set slurm1 up
printf '127.0.0.1 localhost\n10.79.0.1 %s\n' "$node" >/etc/hosts

dir=/run/slurm # munge wants folders that nobody else can write to
mkdir -p $dir/{conf,spool,state,states}
cp "$oci" $dir/runtime # where an ordinary user can reach it
oci=$dir/runtime
head -c 64 /dev/urandom >$dir/key
chmod 400 $dir/key
export SLURM_CONF=$dir/conf/slurm.conf
cat >$SLURM_CONF <<-C
	ClusterName=test
	SlurmctldHost=$node(10.79.0.1)
	SlurmUser=root
	AuthInfo=socket=$dir/munge.sock
	MpiDefault=none
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	SlurmctldPidFile=$dir/ctld.pid
	SlurmdPidFile=$dir/slurmd.pid
	StateSaveLocation=$dir/state
	SlurmdSpoolDir=$dir/spool
	SlurmdDebug=debug
	ReturnToService=2
	KillWait=2
	NodeName=$node NodeAddr=10.79.0.1 CPUs=2 State=UNKNOWN
	PartitionName=all Nodes=ALL Default=YES State=UP
C
# Slurm 22.05 takes one task of a step on a node with --container.
id=%n.%u.%j.%s.%t
states=$dir/states # one folder of them for each user
cat >$dir/run.conf <<-C
	RunTimeQuery="$oci --root=$states/%u state $id 2>/dev/null || echo {}"
	RunTimeRun="$oci --root=$states/%u run --bundle %b $id"
	RunTimeKill="$oci --root=$states/%u kill --all $id"
	RunTimeDelete="$oci --root=$states/%u delete --force $id"
C
# Slurm reads what create says until all have closed it, which would be at the container's end: it gets the task's own streams.
# (Not the input, whose end Slurm keeps open. And it forgets the exit status: RunTimeRun is the better way.)
# shellcheck disable=SC2016
to_task='</dev/null >/proc/$PPID/fd/1 2>/proc/$PPID/fd/2'
sed "s|^RunTimeRun=.*|RunTimeCreate=\"$oci --root=$states/%u create --bundle %b $id $to_task\"\nRunTimeStart=\"$oci --root=$states/%u start $id\"|" \
	$dir/run.conf >$dir/create.conf
cp $dir/run.conf $dir/conf/oci.conf # read anew for each step
at_end '[ $rc -eq 0 ] || grep -E "error|RunTime" $dir/slurmd.log | tail -n 30 | cut -c1-300'
daemon $dir/munge.log munged --foreground --force --key-file=$dir/key --socket=$dir/munge.sock --pid-file=$dir/munge.pid --seed-file=$dir/seed --log-file=$dir/munge.log
until_ok test -S $dir/munge.sock
daemon $dir/ctld.out slurmctld -D -f $SLURM_CONF -L $dir/ctld.log
daemon $dir/slurmd.out slurmd -D -f $SLURM_CONF -L $dir/slurmd.log
until_ok sh -c 'sinfo | grep idle'

say "steps"
cd /
box=$dir/box
cp -a "$bundle" $box
cp $box/default.json $box/config.json
engine 0 srun -n1 --container=$box sh -c 'id; env | grep SLURM_JOB_ID; pwd; hostname'
contains uid=0; contains SLURM_JOB_ID=; contains hospes
engine 3 srun -n1 --container=$box sh -c 'exit 3'
engine_tty 0 srun --pty --container=$box sh -c 'test -t 0 && echo a-tty'; contains a-tty
engine 0 sh -c "echo text | srun --container=$box cat"; contains text
engine 1 srun --container=$box nosuch; contains 'not found'

say "create and start"
cp $dir/create.conf $dir/conf/oci.conf
engine 0 srun --container=$box sh -c 'id; echo in between >&2'; contains uid=0; contains 'in between'
cp $dir/run.conf $dir/conf/oci.conf

say "an ordinary user"
mkdir -p $states/nobody
cp -a $box $dir/own
chown nobody: $states/nobody $dir/own
rm $dir/own/config.json
engine 0 runuser -u nobody -- "$oci" spec --rootless --bundle $dir/own
engine 0 runuser -u nobody -- srun --container=$dir/own sh -c 'id; cat /proc/self/uid_map'; contains uid=0; contains 65534

say "batch, cancelled"
printf '#!/bin/sh\necho batch; id; hostname\n' >$dir/batch
engine 0 sbatch --wait -o $dir/out --container=$box $dir/batch
contains_file() { out=$(cat "$1"); printf '%s\n' "$out"; contains "$2"; }
contains_file $dir/out uid=0; lacks error
engine 0 sbatch -J long -o $dir/out --container=$box --wrap 'sleep 100'
until_ok sh -c "$oci --root=$states/root list | grep running"
engine 0 scancel -n long
until_ok sh -c '[ -z "$(squeue -h)" ]'
until_ok sh -c "[ -z \"\$($oci --root=$states/root list -q)\" ]"
echo "slurm runs containers"
