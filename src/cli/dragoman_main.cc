// The program `dragoman`.
#include "cli/command_line.h"

int main(int argc, char** argv) { return dragoman::cli::RunCommandLine(argc, argv); }
