#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""image.py NAME LAYER.tar IMAGE.tar [FIELD=JSON]...: an image of one layer (OCI image layout) that engines import.
The fields are those of the image's "config"."""
import hashlib
import io
import json
import sys
import tarfile

KIND = "application/vnd.oci.image."


def blob(blobs, data):
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"digest": "sha256:" + digest, "size": len(data)}


def main(name, layer, target, *fields):
    blobs = {}
    layer = blob(blobs, open(layer, "rb").read())
    config = {"Env": ["PATH=/bin"], "Cmd": ["sh"]} | {k: json.loads(v) for k, v in (f.split("=", 1) for f in fields)}
    config = blob(blobs, json.dumps({"architecture": "amd64", "os": "linux", "config": config,
                                     "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    manifest = blob(blobs, json.dumps({
        "schemaVersion": 2, "mediaType": KIND + "manifest.v1+json",
        "config": {"mediaType": KIND + "config.v1+json"} | config,
        "layers": [{"mediaType": KIND + "layer.v1.tar"} | layer]}).encode())
    index = {"schemaVersion": 2, "manifests": [{"mediaType": KIND + "manifest.v1+json"} | manifest |
                                               {"annotations": {"io.containerd.image.name": name}}]}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode()}
    with tarfile.open(target, "w") as t:
        for path, data in (files | {"blobs/sha256/" + k: v for k, v in blobs.items()}).items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


main(*sys.argv[1:])
