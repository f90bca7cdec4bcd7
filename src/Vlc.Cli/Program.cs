using Vlc.Cli;

return await VlcCommandLine.InvokeAsync(args, Console.Out, Console.Error);
