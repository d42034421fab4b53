module bench

go 1.21

require github.com/daytonaio/daytona/libs/sdk-go v0.0.0

replace github.com/daytonaio/daytona/libs/sdk-go => ../../go
