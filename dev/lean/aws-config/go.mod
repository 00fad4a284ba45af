// Stands for the real module, and is compiled as part of dev alone: see the package comment of dev/lean.
module github.com/aws/aws-sdk-go-v2/config

go 1.26.0
