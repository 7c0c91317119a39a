#!/usr/bin/env python3
"""Makes every sample anew from its .trace and compares the bytes: check_samples.py LA_TRACE SAMPLES_FOLDER [--write].

Every NAME.pcapng needs its NAME.md, and NAME.trace or, when the laboratory recorded it, NAME.json; and the other way round."""
import pathlib
import subprocess
import sys
import tempfile

tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
write = sys.argv[3:] == ["--write"]
names = sorted({path.stem for path in folder.glob("*") if path.suffix in (".trace", ".pcapng", ".md", ".json") and path.stem != "README"})
wrong = 0 if names else 1
with tempfile.TemporaryDirectory() as temporary:
    for name in names:
        if (folder / f"{name}.json").exists():
            lost = [suffix for suffix in (".md", ".pcapng") if not (folder / (name + suffix)).exists()]
            if lost:
                print(f"{name}: {', '.join(lost)} is missing")
                wrong += 1
            continue
        target = folder / f"{name}.pcapng" if write else pathlib.Path(temporary) / f"{name}.pcapng"
        missing = [suffix for suffix in (".trace", ".md", ".pcapng") if not (folder / (name + suffix)).exists() and not (write and suffix == ".pcapng")]
        if missing:
            print(f"{name}: {', '.join(missing)} is missing")
            wrong += 1
            continue
        subprocess.run([tool, folder / f"{name}.trace", target], check=True, stdout=subprocess.DEVNULL, timeout=60)
        if target.read_bytes() != (folder / f"{name}.pcapng").read_bytes():
            print(f"{name}: {name}.pcapng is not what {name}.trace makes (check_samples.py --write makes it anew)")
            wrong += 1
print(f"{len(names)} samples, {wrong} wrong")
sys.exit(1 if wrong else 0)
