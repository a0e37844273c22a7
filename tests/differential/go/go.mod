module ds01/differential

go 1.19
