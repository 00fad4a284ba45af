// Stands for the real module, and is compiled as part of dev alone: see the package comment of dev/lean.
module cloud.google.com/go/storage

go 1.26.0
