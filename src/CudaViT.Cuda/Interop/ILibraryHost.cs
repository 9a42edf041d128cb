namespace CudaViT.Cuda;

/// <summary>
/// What the search for libraries asks of the machine, so that the search can be tested on machines that are made up.
/// </summary>
internal interface ILibraryHost
{
    bool IsWindows { get; }

    /// <summary>Folder of the program itself.</summary>
    string ProgramFolder { get; }

    /// <summary>Names of all environment variables.</summary>
    IEnumerable<string> VariableNames { get; }

    /// <summary>Value of an environment variable; null or empty if it is not set.</summary>
    string? Variable(string name);

    bool FileExists(string path);

    /// <summary>Names of the folders right below a folder, without their path; none if it does not exist.</summary>
    IEnumerable<string> FoldersIn(string folder);

    /// <summary>Names of the files in a folder, without their path; none if it does not exist.</summary>
    IEnumerable<string> FilesIn(string folder);

    /// <summary>
    /// Loads a library by its full path, or by a bare name from wherever the system's loader finds it.
    /// </summary>
    /// <param name="pathOrName">Path or name.</param>
    /// <param name="problem">Why it could not be loaded.</param>
    /// <returns>Handle; 0 if it could not be loaded.</returns>
    nint Load(string pathOrName, out string problem);

    /// <summary>Path of a library that was loaded by its bare name; the name where the path cannot be told.</summary>
    string LocationOf(string name);
}
