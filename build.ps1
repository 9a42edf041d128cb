# Hands its arguments to tools/build.cs, which holds the steps: ./build.ps1 build | test | format | bench | pack | ci
Set-Location $PSScriptRoot
dotnet run tools/build.cs -- @args
exit $LASTEXITCODE
