module examples

go 1.23.0

require (
	github.com/creack/pty v1.1.24
	github.com/daytonaio/daytona/libs/sdk-go v0.0.0
	golang.org/x/term v0.30.0
)

require golang.org/x/sys v0.31.0 // indirect

replace github.com/daytonaio/daytona/libs/sdk-go => ../../go
