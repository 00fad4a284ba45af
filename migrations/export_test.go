package migrations

// ApplyThese is [Apply] with files of a test's own.
var ApplyThese = apply
