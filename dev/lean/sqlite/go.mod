// Stands for the real module, and is compiled as part of dev alone: see the package comment of dev/lean.
module modernc.org/sqlite

go 1.26.0
