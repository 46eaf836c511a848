#!/usr/bin/env bash
# PrairieLearn runs this for every submission, in the image that ../image/Dockerfile makes.
root=${GRADE:-/grade}
mkdir -p "$root/results"
cd "$root/tests" && "${GRADER_PYTHON:-/opt/grader/bin/python}" -m grader ci prairielearn --root "$root"
if [ ! -s "$root/results/results.json" ]; then
  echo '{"gradable": false, "message": "The grader itself failed; this costs no attempt. Please submit again, or tell your teacher."}' \
    >"$root/results/results.json"
fi
