module github.com/daytonaio/daytona/libs/sdk-go/cmd/daytona

go 1.21
