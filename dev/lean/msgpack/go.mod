// Stands for the real module, and is compiled as part of dev alone: see the package comment of dev/lean.
module github.com/ugorji/go/codec

go 1.26.0
