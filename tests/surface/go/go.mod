module surface

go 1.21
