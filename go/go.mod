module github.com/daytonaio/daytona/libs/sdk-go

go 1.21
