// Stands for the real module, and is compiled as part of dev alone: see the package comment of dev/lean.
module google.golang.org/api

go 1.26.0
