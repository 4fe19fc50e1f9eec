"""python run.py REPO OUT: run the checks of REPO on each unseen mistake."""

import json, sys, shutil, os, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

repo, out = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(repo))
os.chdir(repo)
stages = sys.argv[3:] or [
    "stage01_echo",
    "stage02_routing",
    "stage03_groups",
    "stage04_auth",
    "stage05_wss",
]
from tests.proofs.runs import check, copy_of, ROOT
from tests.checker.explain import diagnose

out.mkdir(parents=True, exist_ok=True)
base = Path("/tmp/unseen")
shutil.rmtree(base, ignore_errors=True)
base.mkdir()


def one(job):
    stage, m = job
    project = base / f"{stage}-{m['id']}"
    copy_of(ROOT / stage, project)
    for e in m["edits"]:
        f = project / e["file"]
        if e.get("delete"):
            f.unlink()
            continue
        if "content" in e:
            f.parent.mkdir(parents=True, exist_ok=True)
            f.write_text(e["content"])
            continue
        t = f.read_text()
        assert t.count(e["old"]) == 1, (m["id"], e["file"])
        f.write_text(t.replace(e["old"], e["new"]))
    s = time.monotonic()
    run = check(stage, "--project", project)
    d = {
        "id": m["id"],
        "title": m["title"],
        "cause": m["cause"],
        "sees": m.get("sees"),
        "rc": int(run.returncode),
        "seconds": round(time.monotonic() - s, 1),
        "report": "\n".join(
            l for l in run.stdout.splitlines() if not l.startswith("  ok ")
        )[-6000:],
        "said": run.likely_mistake,
        "failures": run.failures,
    }
    shutil.rmtree(project, ignore_errors=True)
    return stage, d


jobs = [(s, m) for s in stages for m in json.load(open(f"/work/wt/unseen/{s}.json"))]
done = {}
with ThreadPoolExecutor(4) as pool:
    for stage, d in pool.map(one, jobs):
        done.setdefault(stage, []).append(d)
        print(stage, d["id"], d["rc"], d["seconds"], d["said"][:80], flush=True)
for stage, ds in done.items():
    (out / f"{stage}.json").write_text(json.dumps(ds, indent=1, ensure_ascii=False))
