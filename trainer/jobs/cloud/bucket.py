"""Copies the bucket with a cloud job's output, with the cloud's own program as SkyPilot calls it."""

import subprocess
from pathlib import Path

WITHIN = 600.0  # seconds


def fetch(store: str, name: str, folder: Path) -> str:
    """Copy what is new in a bucket into a folder; the error, or empty."""
    from sky import cloud_stores  # pyright: ignore[reportMissingImports]
    from sky.data.storage import StoreType  # pyright: ignore[reportMissingImports]

    url = StoreType(store.upper()).store_prefix() + name
    try:
        command = cloud_stores.get_storage_from_path(url).make_sync_dir_command(url, str(folder))
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=WITHIN, check=False)
    except subprocess.TimeoutExpired:
        return f"{url} took longer than {WITHIN:.0f} s"
    except OSError as error:
        return f"{url}: {error}"
    return f"{url}: {done.stderr.strip()[-300:] or done.returncode}" if done.returncode else ""
