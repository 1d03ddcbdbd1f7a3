#!/bin/sh
# banking77 through the command line, from CSV to CSV: benchmarks/banking77.sh DATA OUT [options of train]
set -eu
data=$1 out=$2
shift 2
simpletext train "$data/train.csv" --val "$data/test.csv" --out "$out" --maxlen 64 --epochs 3 "$@"
simpletext predict "$out" "$data/test.csv" --out "$out.predicted.csv"
python3 - "$out.predicted.csv" <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8", newline="")))
right = sum(row["label"] == row["predicted"] for row in rows)
print(f"banking77: accuracy {right / len(rows):.4f} on {len(rows)} rows")
END
