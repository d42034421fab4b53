package ffi

// #cgo LDFLAGS: ${SRCDIR}/lib/linux_amd64/libdaytona.a -lm -ldl -lpthread
import "C"
