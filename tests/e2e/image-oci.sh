#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit: 600
# Images of layers: real ones, made by buildah, saved in every way that other programs have, imported, run as containers
# (by overlayfs, fuse-overlayfs, as a copy, by an ordinary user) and as a machine; each time the files are those that
# buildah itself sees. Damaged, hostile and interrupted ones leave nothing behind.
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" -ne 0 ]; then
	echo "SKIP: needs root"
	exit 0
fi
home=$(mktemp -d /tmp/hospes-oci-image.XXXXXX)
at_end 'for g in ${guests[@]+"${guests[@]}"}; do "$hospes" rm -f "$g" >/dev/null 2>&1; done; guests=(); rm -rf "$home"'
chmod 755 "$home"
export HOSPES_ROOT=$home/root BUILDAH_ISOLATION=chroot
data=$HOSPES_ROOT/data
net=(--net none)
tag=i$$
storage=(--root "$home/st" --runroot "$home/run" --storage-driver vfs)
buildah=(buildah "${storage[@]}")
podman=(podman "${storage[@]}")
list() { python3 "$top/tests/e2e/files.py" "$1"; }
# one_line: besides how far slow work was.
one_line() { [ "$(printf '%s\n' "$out" | grep -vc '^[a-z ]* \.\.\.$')" -eq 1 ] || fail "not one line: $out"; }
layers() { find "$data/layers" -mindepth 1 -maxdepth 1 | wc -l; }

say "an image of three layers: links, holes, attributes, devices, whiteouts, opaque folders"
c=$("${buildah[@]}" from scratch)
m=$("${buildah[@]}" mount "$c")
mkdir -p "$m"/{bin,etc,opt/a/b,opt/gone,usr/lib}
mkdir -m 1777 "$m/tmp"
cp "$(command -v busybox)" "$m/bin/busybox"
for l in sh ls cat id true env echo touch sleep grep; do ln -s busybox "$m/bin/$l"; done
ln -s usr/lib "$m/lib"
printf 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n' >"$m/etc/passwd"
echo one >"$m/opt/a/file"
ln "$m/opt/a/file" "$m/opt/a/b/same"
echo low >"$m/opt/a/b/low"
echo x >"$m/opt/gone/x"
cp "$m/bin/busybox" "$m/opt/suid"
chmod 4755 "$m/opt/suid"
chown 33:33 "$m/opt/a"
truncate -s 20M "$m/opt/holes"
echo end >>"$m/opt/holes"
cp "$m/bin/busybox" "$m/opt/capable"
setcap cap_net_raw+ep "$m/opt/capable"
mknod "$m/opt/device" c 1 3
mkfifo "$m/opt/fifo"
touch -d @1000000000 "$m/opt/a/file"
python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.color", b"blue")' "$m/opt/a/file"
"${buildah[@]}" config --entrypoint '["/bin/sh","-c"]' --cmd 'pwd;id;env' --env A=image --env PATH=/bin --workingdir /opt --user web \
	--port 80/tcp --volume /data --stop-signal SIGINT --label color=blue "$c"
"${buildah[@]}" commit -q "$c" one >/dev/null
c=$("${buildah[@]}" from one)
m=$("${buildah[@]}" mount "$c")
rm -r "$m/opt/gone" "$m/opt/a/b"
mkdir "$m/opt/a/b"
echo again >"$m/opt/a/b/again"
echo two >"$m/opt/a/new"
"${buildah[@]}" commit -q "$c" two >/dev/null
c=$("${buildah[@]}" from two)
m=$("${buildah[@]}" mount "$c")
rm "$m/opt/a/new" "$m/opt/device"
mkdir "$m/opt/gone" "$m/opt/device"
echo back >"$m/opt/gone/y"
ln "$m/opt/a/file" "$m/opt/linked"
"${buildah[@]}" commit -q "$c" web:three >/dev/null
c=$("${buildah[@]}" from web:three)
m=$("${buildah[@]}" mount "$c")
list "$m" >"$home/want"
[ "$(wc -l <"$home/want")" -gt 20 ] || fail "nothing to compare with"

say "saved in every way"
(
	cd "$home"
	for t in one web:three; do "${buildah[@]}" push -q "$t" "oci:$home/layout:${t#web:}"; done
	"${buildah[@]}" push -q web:three "oci-archive:$home/oci.tar:three"
	"${buildah[@]}" push -q --compression-format zstd web:three "oci:$home/zstd:three"
	"${buildah[@]}" push -q --disable-compression web:three "oci:$home/plain:three"
	"${buildah[@]}" push -q web:three "dir:$home/dir"
	for f in oci-archive docker-archive; do "${podman[@]}" save -q --format $f -o "podman-$f.tar" web:three; done
	for f in oci-dir docker-dir; do "${podman[@]}" save -q --format $f -o "podman-$f" web:three; done
	"${podman[@]}" save -q -m -o podman-many.tar one web:three
	tar -cf layout.tar -C layout .
	gzip -1 -c podman-docker-archive.tar >docker.tar.gz
) >"$home/log" 2>&1 || { cat "$home/log"; fail "buildah or podman"; }

say "each gives the same files, and all of them have the same layers"
# same NAME: the container's root is what buildah sees.
same() {
	local run=("$hospes" run "${net[@]}" -d --name "$tag-$1" -u 0 --entrypoint /bin/sleep "$1" 1000)
	guests+=("$tag-$1")
	expect 0 "${run[@]}"
	list "/proc/$("$hospes" inspect "$tag-$1" | sed -n 's/.*"init": \([0-9]*\).*/\1/p')/root" >"$home/got"
	"$hospes" rm -f "$tag-$1" >/dev/null
	diff "$home/want" "$home/got" >"$home/diff" || { cat "$home/diff"; fail "$1: other files"; }
}
expect 0 "$hospes" image import "$home/layout" --tag three --name layout
expect 0 "$hospes" image import "$home/layout.tar" --tag three --name layout-tar
for f in oci.tar zstd plain dir podman-oci-archive.tar podman-docker-archive.tar podman-oci-dir podman-docker-dir docker.tar.gz; do
	name=$(echo "$f" | tr . -)
	expect 0 "$hospes" image import "$home/$f" --name "$name"
	same "$name"
done
same layout
same layout-tar
[ "$(layers)" -eq 3 ] || fail "$(layers) layers instead of 3"
expect 0 "$hospes" image import "$home/layout" --tag one --name one
[ "$(layers)" -eq 3 ] || fail "$(layers) layers instead of 3"
expect 125 "$hospes" image import "$home/layout" --name some
one_line
contains "say --tag: one, three"
expect 125 "$hospes" image import "$home/layout" --tag four --name some
one_line
contains "nothing tagged four"

expect 125 "$hospes" image import "$home/podman-many.tar" --name some
one_line
contains "2 images in it; say --tag"
expect 0 "$hospes" image import "$home/podman-many.tar" --tag localhost/web:three --name some
same some
expect 0 "$hospes" image rm some

say "set-id programs of images are not for the users of this host"
[ "$(stat -c %a "$data/layers" "$data/images" "$data/guests" | sort -u)" = 700 ] || fail "others may look into the store"

say "sparse files are sparse"
[ "$(find "$data/layers" -name holes -printf '%b\n')" -lt 100 ] || fail "the hole takes room"

say "what the image says of its command is done"
expect 0 "$hospes" run "${net[@]}" --rm layout 'pwd; id; env; echo "$0"'
contains /opt
contains "uid=33(web)"
contains A=image
expect 0 "$hospes" run "${net[@]}" --rm -e A=mine -u 0 -w / layout 'pwd; id; env'
contains "uid=0"
contains A=mine
expect 0 "$hospes" run "${net[@]}" --rm --entrypoint /bin/echo layout only this
[ "$out" = "only this" ] || fail "entrypoint: $out"
expect 0 "$hospes" run "${net[@]}" --rm --entrypoint "" layout /bin/id
contains "uid=33(web)"
expect 0 "$hospes" run "${net[@]}" --rm layout
contains /opt
expect 0 "$hospes" run "${net[@]}" --rm --read-only -u 0 layout 'echo x >/data/x && cat /data/x; ! touch /opt/x 2>/dev/null'
guests+=("$tag-signal")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-signal" layout 'trap "exit 9" INT; trap : TERM; while :; do sleep 0.1; done'
sleep 0.5
expect 0 "$hospes" exec "$tag-signal" env
contains A=image
expect 0 "$hospes" stop "$tag-signal"
expect 9 "$hospes" wait "$tag-signal"
expect 0 "$hospes" rm "$tag-signal"
expect 0 "$hospes" image inspect layout
contains '"color": "blue"'
contains '"80/tcp"'
contains '"ref": "three"'

say "sizes: what goes with an image, and what does not"
shared() { "$hospes" image inspect "$1" | sed -n 's/.*"shared_bytes": \([0-9]*\).*/\1/p'; }
[ "$(shared one)" -gt 1000000 ] || fail "nothing is shared"
expect 125 "$hospes" run "${net[@]}" --rm nonesuch
for i in layout-tar oci-tar zstd plain dir podman-oci-archive-tar podman-docker-archive-tar podman-oci-dir podman-docker-dir docker-tar-gz; do
	expect 0 "$hospes" image rm $i
done
[ "$(layers)" -eq 3 ] || fail "layers of images that are there went"
expect 0 "$hospes" image rm layout
[ "$(layers)" -eq 1 ] || fail "$(layers) layers instead of 1"
[ "$(shared one)" -eq 0 ] || fail "shared with nobody: $(shared one)"
expect 0 "$hospes" image rm one
[ "$(layers)" -eq 0 ] || fail "layers of no image"
[ -z "$(ls -A "$data/blobs/sha256")" ] || fail "blobs of no image"

say "the same image as a machine"
need_kernel
expect 0 "$hospes" image import "$home/zstd" --name both
expect 0 "$hospes" run --vm --rm --net none --engine soft --kernel "$kernel" -u 0 both 'pwd; ls /opt /opt/a/b; cat /opt/gone/y; id'
contains again
contains back
contains "uid=0"
disk=$data/images/both/machine/disk.raw
e2fsck -fn "$disk" >/dev/null 2>&1 || fail "fsck finds faults"
mkdir "$home/mnt"
mount -o loop,ro "$disk" "$home/mnt"
list "$home/mnt" >"$home/got" || :
umount "$home/mnt"
diff "$home/want" "$home/got" >"$home/diff" || { cat "$home/diff"; fail "the machine has other files"; }
same both
expect 0 "$hospes" image ls
contains both

say "where the kernel's overlayfs cannot: fuse-overlayfs, and copies"
cat >"$home/nested.sh" <<'END'
# $1: hospes, $2: home, $3: a program to hide, or nothing, $4: files.py
set -eu
mkdir -p "$2"/nest/{l,u,w,m}
mount -t overlay overlay -o "lowerdir=$2/nest/l,upperdir=$2/nest/u,workdir=$2/nest/w" "$2/nest/m"
[ -z "$3" ] || mount --bind "$2/nothing" "$3"
export HOSPES_ROOT=$2/nest/m
"$1" image import "$2/zstd" --name web
"$1" run --net none -d --name nested -u 0 --entrypoint /bin/sleep web 1000
pid=$("$1" inspect nested | sed -n 's/.*"init": \([0-9]*\).*/\1/p')
head -1 "/proc/$pid/mounts"
python3 "$4" "/proc/$pid/root" >"$2/got"
"$1" exec nested touch /opt/written
"$1" rm -f nested
"$1" image rm web
rm -rf "$2/nest/m/data" "$2/nest/m/run"
END
: >"$home/nothing"
fuse=$(command -v fuse-overlayfs)
for hide in "" "$fuse"; do
	expect 0 unshare -m --propagation slave bash "$home/nested.sh" "$hospes" "$home" "$hide" "$top/tests/e2e/files.py"
	if [ -z "$hide" ]; then contains "fuse-overlayfs / fuse"; else contains "overlay / overlay"; fi
	diff "$home/want" "$home/got" >"$home/diff" || { cat "$home/diff"; fail "other files"; }
	rm -rf "$home/nest"
done
for _ in $(seq 50); do pgrep -f "$home/nest" >/dev/null || break; sleep 0.1; done
! pgrep -f "$home/nest" || fail "fuse-overlayfs runs on"

say "a hundred and twenty layers"
cat >"$home/layout.py" <<'END'
# A layout by hand: layout.py DIR many|NAME-OF-A-TRICK
import gzip, hashlib, io, json, os, sys, tarfile
top, what = sys.argv[1], sys.argv[2]
os.makedirs(top + "/blobs/sha256")
layers, ids = [], []
def put(b):
    h = hashlib.sha256(b).hexdigest()
    with open(f"{top}/blobs/sha256/{h}", "wb") as f:
        f.write(b)
    return {"digest": "sha256:" + h, "size": len(b)}
def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, value in entries:
            i = tarfile.TarInfo(name)
            i.mode = 0o755
            i.type = kind
            if kind == tarfile.REGTYPE:
                i.size = len(value)
            else:
                i.linkname = value
            t.addfile(i, io.BytesIO(value if kind == tarfile.REGTYPE else b""))
    ids.append("sha256:" + hashlib.sha256(out.getvalue()).hexdigest())
    layers.append(put(gzip.compress(out.getvalue(), 1)))
F, D, L, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
with open("/bin/busybox", "rb") as f:
    layer(("bin", D, ""), ("bin/busybox", F, f.read()), *((f"bin/{n}", L, "busybox") for n in ("sh", "ls", "cat", "true")))
if what == "many":
    for n in range(119):
        layer(("d", D, ""), (f"d/f{n}", F, b"%d\n" % n), *([(f"d/.wh.f{n - 10}", F, b"")] if n > 10 else []))
elif what == "dots":
    layer(("../../../../../../../../tmp/hospes-escaped", F, b"x"))
elif what == "absolute":
    layer(("/tmp/hospes-escaped", F, b"x"))
elif what == "symlink":
    layer(("l", L, "/tmp"), ("l/hospes-escaped", F, b"x"))
elif what == "hardlink":
    layer(("l", L, "/etc"), ("p", H, "l/passwd"))
elif what == "mark":
    layer(("bin/.wh...", F, b""))
c = {"os": "linux", "architecture": "arm64" if what == "foreign" else "amd64", "config": {"Cmd": ["sh", "-c", "ls /d; cat /d/f118"], "Env": ["PATH=/bin"]},
     "rootfs": {"type": "layers", "diff_ids": ids[1:] + ids[:1] if what == "swapped" else ids}}
if what == "swapped":
    layer(("x", D, ""))
    c["rootfs"]["diff_ids"] = [ids[1], ids[0]]
m = {"schemaVersion": 2, "config": put(json.dumps(c).encode()), "layers": layers}
if what == "size":
    m["layers"][0]["size"] += 1
d = put(json.dumps(m).encode())
with open(top + "/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [d]}, f)
with open(top + "/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion": "1.0.0"}')
if what == "digest":
    with open(f"{top}/blobs/sha256/{layers[0]['digest'][7:]}", "r+b") as f:
        f.seek(100)
        f.write(b"!!!")
if what == "missing":
    os.unlink(f"{top}/blobs/sha256/{layers[0]['digest'][7:]}")
END
python3 "$home/layout.py" "$home/many" many
expect 0 "$hospes" image import "$home/many"
expect 0 "$hospes" run "${net[@]}" --rm many
[ "$(printf '%s\n' "$out" | wc -l)" -eq 12 ] || fail "not 11 files and one line"
contains 118
before=$(layers)

say "damaged and hostile ones: one line, nothing left"
# clean: as many layers and blobs as before, only these images.
blobs_before=$(find "$data/blobs" -type f | wc -l)
clean() {
	[ "$(layers)" -eq "$before" ] || fail "layers are left"
	[ "$(find "$data/blobs" -type f | wc -l)" -eq "$blobs_before" ] || fail "blobs are left"
	[ "$(cd "$data/images" && echo *)" = "both many" ] || fail "images: $(ls -A "$data/images")"
	[ -z "$(find "$data/images" -name '.tmp-*')" ] || fail "drafts are left"
	[ ! -e /tmp/hospes-escaped ] || fail "it escaped"
}
for what in dots absolute symlink hardlink mark foreign swapped size digest missing; do
	python3 "$home/layout.py" "$home/bad-$what" $what
	expect 125 "$hospes" image import "$home/bad-$what" --name bad
	one_line
	clean
	tar -cf "$home/bad.tar" -C "$home/bad-$what" .
	expect 125 "$hospes" image import "$home/bad.tar" --name bad
	one_line
	clean
done
head -c 700000 "$home/oci.tar" >"$home/cut.tar"
expect 125 "$hospes" image import "$home/cut.tar" --name bad
one_line
clean
echo '{"manifests": [' >"$home/bad-dots/index.json"
expect 125 "$hospes" image import "$home/bad-dots" --name bad
one_line
clean

say "interrupted: SIGTERM and SIGKILL while layers are unpacked"
mkdir "$home/large"
for i in 1 2 3 4; do head -c 30000000 /dev/urandom >"$home/large/$i"; done
c=$("${buildah[@]}" from scratch)
"${buildah[@]}" copy -q "$c" "$home/large" /large >/dev/null
"${buildah[@]}" commit -q "$c" large >/dev/null
"${buildah[@]}" push -q large "oci:$home/big:large" 2>/dev/null
for signal in TERM KILL; do
	"$hospes" image import "$home/big" --name cut >/dev/null 2>&1 &
	victim=$!
	for _ in $(seq 200); do [ -n "$(find "$data/layers" -maxdepth 1 -name '.tmp-*')" ] && break; sleep 0.01; done
	kill -$signal $victim 2>/dev/null || :
	wait $victim 2>/dev/null || :
	[ $signal = KILL ] || clean
done
"$hospes" image rm cut >/dev/null 2>&1 || : # it was faster
expect 0 "$hospes" image import "$home/layout" --tag one --name sweeper
expect 0 "$hospes" image rm sweeper
clean

say "many at once"
pids=()
for i in 1 2 3 4 5 6; do
	"$hospes" image import "$home/plain" --name "same$i" >/dev/null &
	pids+=($!)
done
for p in "${pids[@]}"; do wait "$p" || fail "an import beside others failed"; done
pids=()
for i in 1 2 3 4 5; do
	"$hospes" image rm "same$i" &
	pids+=($!)
done
for p in "${pids[@]}"; do wait "$p" || fail "a removal beside others failed"; done
same same6
guests+=("$tag-user")
expect 0 "$hospes" run "${net[@]}" -d --name "$tag-user" same6 'sleep 1000'
expect 125 "$hospes" image rm same6
one_line
expect 0 "$hospes" rm -f "$tag-user"
expect 0 "$hospes" image rm same6
clean

say "an ordinary user"
uid=$((61000 + $$ % 1000))
mkdir -m 700 "$home/own"
cp "$hospes" "$home/hospes"
chown $uid:$uid "$home/own"
chmod -R a+rX "$home/layout" "$home/many" "$home/podman-docker-archive.tar"
as() { setpriv --reuid=$uid --regid=$uid --clear-groups env -i PATH=/usr/bin:/bin HOME="$home/own" HOSPES_ROOT="$home/own/root" "$@"; }
expect 0 as "$home/hospes" image import "$home/podman-docker-archive.tar" --name web
contains "devices left out"
expect 0 as "$home/hospes" image import "$home/many"
expect 0 as "$home/hospes" run "${net[@]}" --rm -u 0 web 'cd /opt; ls . a/b; echo x >/opt/a/file && rm -r /opt/a && mkdir /opt/a && ls /opt/a; cat gone/y; head -1 /proc/mounts'
contains again
contains back
contains "overlay / overlay"
expect 0 as "$home/hospes" run "${net[@]}" --rm many
contains 118
[ -z "$(find "$home/own/root" ! -uid $uid)" ] || fail "files that are not the user's"
expect 0 as "$home/hospes" image rm web many
[ -z "$(ls -A "$home/own/root/data/layers")" ] || fail "layers are left"

say "nothing is left"
expect 0 "$hospes" image rm both many
[ "$(layers)" -eq 0 ] || fail "layers are left"
! grep -q "$home" /proc/self/mountinfo || fail "left mounted: $(grep "$home" /proc/self/mountinfo)"
