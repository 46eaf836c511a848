#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: a Python, the cage for submissions, and the locked packages.
set -euo pipefail
source=${AUTOGRADER:-/autograder}/source

fits() { # is this a Python that the grader runs on, with a pip that can install into another environment?
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && "$1" -m pip --python "$1" --version >/dev/null 2>&1
}

find_python() {
  local name path
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    path=$(command -v "$name") || continue
    if fits "$path"; then
      echo "$path"
      return
    fi
  done
}

if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends python3 python3-pip bubblewrap >/dev/null || echo "Not all packages are to be had here."
fi
python=$(find_python)
if [ -z "$python" ]; then # an older system: a Python of our own
  python3 -m pip install --quiet uv
  python3 -m uv python install --quiet 3.13
  python=$(python3 -m uv python find 3.13)
fi
"$python" "$source/grader/bootstrap.py" list
