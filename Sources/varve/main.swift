import VarveCommands

VarveProgram.main()
