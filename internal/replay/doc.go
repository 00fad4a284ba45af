// Package replay says whether today's saga code agrees with what executions have already done.
//
// Temporal rebuilds the state of an open execution by running its code again over its history. So code that would
// take other steps than the history has leaves the execution stuck. A replay before a release finds that out:
//
//	orderloom replay history.json              from tctl, temporal or the Web UI
//	orderloom replay order-5b1c…               from the server
//	orderloom replay workflows/testdata/*.json
//	orderloom replay --query 'ExecutionStatus="Running"'
//
// [Read] reads every dialect of a history file, and [Fetch] gets a history from the server.
// [Replayer.Replay] compares. Where code and history differ, it finds the first event that does and puts
// it into words. Nothing is executed: steps are answered from the history.
package replay
