//go:build !cgo

package ffi

// The name is the error of a build without cgo.
var _ = the_Daytona_SDK_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler_such_as_gcc
