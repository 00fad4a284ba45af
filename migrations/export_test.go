package migrations

// ApplyThese is [Apply] with files of a test's own.
var ApplyThese = apply

// IndexesThere are the statements of the indexes that there are, and the names of those that are invalid.
var IndexesThere = indexesThere
