"use strict";
// Where the package's native files are: the library and the `daytona` program.
Object.defineProperty(exports, "__esModule", { value: true });
exports.nativeFile = nativeFile;
exports.missingFile = missingFile;
const node_fs_1 = require("node:fs");
const node_path_1 = require("node:path");
const errors_js_1 = require("./errors.js");
/** The package's names; both hold the same files. */
const PACKAGES = ['@daytonaio/sdk', '@daytona/sdk'];
/**
 * Path of a native file, or nothing when it is not there. It is beside `dist`; a bundled program finds it beside its own
 * directory or in the `node_modules` above it. The working directory is not looked at: it may be anybody's.
 */
function nativeFile(name) {
    for (const directory of directories()) {
        const file = (0, node_path_1.join)(directory, name);
        if ((0, node_fs_1.existsSync)(file)) {
            return file;
        }
    }
    return undefined;
}
/** The error for a native file that is not there. */
function missingFile(name) {
    const [first, second] = directories();
    return new errors_js_1.DaytonaInternalError(`${name} is neither in ${first ?? 'the package'} nor in ${second ?? 'node_modules'} nor in a node_modules above. If it was ` +
        'never installed, this package was built for other platforms. If this program is bundled, leave the package out of the bundle ' +
        '(esbuild: external, webpack: externals, Next.js: serverExternalPackages) and install it where the program runs, or copy its ' +
        'directory "native" beside the bundle.');
}
function* directories() {
    // Modules of a bundle do not have it.
    const here = typeof __dirname === 'string' ? __dirname : undefined;
    if (here) {
        yield* unpacked((0, node_path_1.join)(here, '..', 'native'));
        yield* unpacked((0, node_path_1.join)(here, 'native'));
    }
    for (const program of [here, process.argv[1] && (0, node_path_1.dirname)(process.argv[1])]) {
        for (let above = program; above; above = (0, node_path_1.dirname)(above) === above ? undefined : (0, node_path_1.dirname)(above)) {
            for (const name of PACKAGES) {
                yield* unpacked((0, node_path_1.join)(above, 'node_modules', name, 'native'));
            }
        }
    }
}
/** Electron packs programs into an archive, and what must be real files into a directory beside it. */
function* unpacked(directory) {
    const archive = `.asar${node_path_1.sep}`;
    if (directory.includes(archive)) {
        yield directory.replace(archive, `.asar.unpacked${node_path_1.sep}`);
    }
    yield directory;
}
