//go:build cgo && !(linux && amd64)

package ffi

// The name is the error of a build for a platform whose native library the module does not have.
var _ = the_Daytona_SDK_has_no_native_library_for_this_platform__build_for_linux_amd64
