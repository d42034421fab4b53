# frozen_string_literal: true

module Daytona
  # An image to build, put together step by step: a Dockerfile and the local files it copies. Each step changes the
  # image and returns it, so that steps can follow one another. Local files are read when something is created from the
  # image.
  #
  #   image = Daytona::Image.debian_slim('3.12').pip_install('numpy', 'pandas').workdir('/home/daytona')
  #   daytona.create(Daytona::CreateSandboxFromImageParams.new(image: image))
  #
  # Steps raise {Sdk::InvalidArgumentError} for what a Dockerfile cannot say.
  class Image
    # @return [String] The Dockerfile.
    attr_reader :dockerfile

    # @return [Array<Context>] The local files that the Dockerfile copies.
    attr_reader :context_list

    class << self
      # Starts from an image of a registry.
      #
      # @param image [String] Its reference, for example `python:3.12-slim`.
      # @return [Image]
      def base(image)
        new.__send__(:step, 'base', image)
      end

      # Starts from Debian with Python, a C and Fortran compiler, and an up-to-date pip.
      #
      # @param python_version [String, nil] A series from `3.9` to `3.13`, or one of their releases. Default: the last
      #   series.
      # @return [Image]
      def debian_slim(python_version = nil)
        new.__send__(:step, 'debian_slim', python_version)
      end

      # Starts from a Dockerfile of this machine, with the local files that its `COPY` and `ADD` name. What
      # `.dockerignore` leaves out is not uploaded.
      #
      # @param path [String, Pathname] Path of the Dockerfile. The files it names are beside it.
      # @param strict_context [Boolean] Whether to refuse files outside its directory, also behind links.
      # @return [Image]
      def from_dockerfile(path, strict_context: false)
        new.__send__(:step, 'from_dockerfile', path, { strictContext: strict_context })
      end

      # Parameters whose image may be an {Image}, as the core has them.
      # @api private
      def unfold(params)
        # The core names parameters of another kind.
        return params unless params.respond_to?(:image)

        image = params.image
        return params if image.nil? || image.is_a?(String)

        unless image.is_a?(Image)
          raise Sdk::InvalidArgumentError, "The image of class #{image.class} is not usable: it must be an Image, or " \
                                           "a reference like 'python:3.12-slim'."
        end

        params = params.dup
        params.image = nil
        params.dockerfile = image.dockerfile
        params.contexts = image.context_list
        params
      end
    end

    # Makes an image of the text of a Dockerfile and the local files it copies. {Image.base} and its like are shorter.
    #
    # @param dockerfile [String, nil]
    # @param context_list [Array<Context>]
    def initialize(dockerfile: nil, context_list: [])
      @dockerfile = dockerfile || ''
      @context_list = context_list
    end

    # Installs Python packages with pip, sorted by name.
    #
    # @param packages [Array<String>] Names, with versions where they matter: `numpy>=2`.
    # @param find_links [Array<String>, nil] Pages or archives with links to packages.
    # @param index_url [String, nil] Index to use instead of PyPI.
    # @param extra_index_urls [Array<String>, nil] Further indexes.
    # @param pre [Boolean] Whether to take pre-releases.
    # @param extra_options [String] Further arguments of pip, as a shell reads them.
    # @return [Image] This image.
    def pip_install(*packages, find_links: nil, index_url: nil, extra_index_urls: nil, pre: false, extra_options: '')
      step('pip_install', packages.flatten, pip(find_links, index_url, extra_index_urls, pre, extra_options))
    end

    # Installs the Python packages that a requirements file of this machine lists.
    #
    # @param requirements_txt [String, Pathname] Path of the file.
    # @param find_links [Array<String>, nil] Pages or archives with links to packages.
    # @param index_url [String, nil] Index to use instead of PyPI.
    # @param extra_index_urls [Array<String>, nil] Further indexes.
    # @param pre [Boolean] Whether to take pre-releases.
    # @param extra_options [String] Further arguments of pip, as a shell reads them.
    # @return [Image] This image.
    def pip_install_from_requirements(requirements_txt, find_links: nil, index_url: nil, extra_index_urls: nil,
                                      pre: false, extra_options: '')
      step('pip_install_from_requirements', requirements_txt,
           pip(find_links, index_url, extra_index_urls, pre, extra_options))
    end

    # Installs the dependencies that a `pyproject.toml` of this machine lists.
    #
    # @param pyproject_toml [String, Pathname] Path of the file.
    # @param optional_dependencies [Array<String>] Groups of its optional dependencies to install too. Those it does not
    #   have are ignored.
    # @param find_links [Array<String>, String, nil] Pages or archives with links to packages.
    # @param index_url [String, nil] Index to use instead of PyPI.
    # @param extra_index_url [Array<String>, String, nil] Further indexes; the same as extra_index_urls.
    # @param extra_index_urls [Array<String>, nil] Further indexes.
    # @param pre [Boolean] Whether to take pre-releases.
    # @param extra_options [String] Further arguments of pip, as a shell reads them.
    # @return [Image] This image.
    def pip_install_from_pyproject(pyproject_toml, optional_dependencies: [], find_links: nil, index_url: nil,
                                   extra_index_url: nil, extra_index_urls: nil, pre: false, extra_options: '')
      options = pip(find_links, index_url, [*extra_index_url, *extra_index_urls], pre, extra_options)
      step('pip_install_from_pyproject', pyproject_toml, { **options, optionalDependencies: optional_dependencies })
    end

    # Installs Debian packages with apt-get.
    #
    # @param packages [Array<String>] Their names.
    # @return [Image] This image.
    def apt_get(*packages)
      step('apt_get', packages.flatten)
    end

    # Copies a file of this machine into the image.
    #
    # @param local_path [String, Pathname] Path on this machine.
    # @param remote_path [String] Path in the image. If it ends with `/`, the file keeps its name there.
    # @return [Image] This image.
    def add_local_file(local_path, remote_path)
      step('add_local_file', local_path, remote_path)
    end

    # Copies what is in a directory of this machine into a directory of the image.
    #
    # @param local_path [String, Pathname] Path on this machine.
    # @param remote_path [String] Path in the image.
    # @return [Image] This image.
    def add_local_dir(local_path, remote_path)
      step('add_local_dir', local_path, remote_path)
    end

    # Runs commands while the image is built, one after the other.
    #
    # @param commands [Array<String, Array<String>>] Each a command of the shell, or an array of a program and its
    #   arguments, which the shell leaves as they are. A command of several lines is run as one script.
    # @return [Image] This image.
    def run_commands(*commands)
      step('run_commands', commands)
    end

    # Sets environment variables for all later steps and for the sandbox.
    #
    # @param env_vars [Hash] Values by name, each on one line.
    # @return [Image] This image.
    def env(env_vars)
      step('env', Wire.strings(env_vars).to_a)
    end

    # Sets the working directory of all later steps and of the sandbox.
    #
    # @param path [String, Pathname] Path in the image.
    # @return [Image] This image.
    def workdir(path)
      step('workdir', path)
    end

    # Sets the program that the sandbox starts with.
    #
    # @param entrypoint_commands [Array<String>] The program and its arguments.
    # @return [Image] This image.
    def entrypoint(entrypoint_commands)
      step('entrypoint', entrypoint_commands)
    end

    # Sets the arguments of the entrypoint, or the command where there is none.
    #
    # @param cmd [Array<String>] The words.
    # @return [Image] This image.
    def cmd(cmd)
      step('cmd', cmd)
    end

    # Adds instructions of a Dockerfile as they are, with the local files that their `COPY` and `ADD` name.
    #
    # @param dockerfile_commands [Array<String>] The lines.
    # @param context_dir [String, Pathname, nil] Directory that the names of files begin at. Default: the working
    #   directory.
    # @param strict_context [Boolean] Whether to refuse files outside it, also behind links.
    # @return [Image] This image.
    def dockerfile_commands(dockerfile_commands, context_dir: nil, strict_context: false)
      step('dockerfile_commands', dockerfile_commands, context_dir, { strictContext: strict_context })
    end

    # Sets the user of all later steps and of the sandbox.
    #
    # @param username [String] Name or number.
    # @return [Image] This image.
    def user(username)
      step('user', username)
    end

    # Copies files of the build context, which other steps have put there.
    #
    # @param source [String] Path in the build context; it may be a pattern.
    # @param destination [String] Path in the image.
    # @return [Image] This image.
    def copy(source, destination)
      step('copy', source, destination)
    end

    # Copies files of the build context, or of a URL, and unpacks archives.
    #
    # @param source [String] Path in the build context, or a URL.
    # @param destination [String] Path in the image.
    # @return [Image] This image.
    def add(source, destination)
      step('add', source, destination)
    end

    # Says which ports the programs of the image listen on.
    #
    # @param ports [Array<Integer>] 1 to 65535.
    # @return [Image] This image.
    def expose(*ports)
      step('expose', ports.flatten)
    end

    # Labels the image.
    #
    # @param key [String] Key of the label.
    # @param value [String] Its value, on one line.
    # @return [Image] This image.
    def label(key, value)
      step('label', key, value)
    end

    # Says which directories hold data that is kept apart.
    #
    # @param paths [Array<String>] Paths in the image.
    # @return [Image] This image.
    def volume(*paths)
      step('volume', paths.flatten)
    end

    # @return [Boolean] Whether the Dockerfile and the local files are the same.
    def ==(other)
      other.is_a?(Image) && other.dockerfile == dockerfile && other.context_list == context_list
    end

    # @return [String] Its first line, and how much there is.
    def inspect
      lines = dockerfile.lines(chomp: true)
      "#<#{self.class.name} #{lines.first.inspect} lines=#{lines.size} contexts=#{context_list.size}>"
    end

    private

    def step(name, *args)
      contexts = context_list.map { |context| Context.coerce(context).to_wire([]) }
      request = { image: { dockerfile: dockerfile, contexts: contexts }, step: name, args: args }
      json, = Native.unwrap(Native.image_step(Wire.dump(request)))
      taken = JSON.parse(json)
      @dockerfile = taken['dockerfile']
      @context_list = taken['contexts'].map { |context| Context.from_wire(context, []) }
      self
    end

    def pip(find_links, index_url, extra_index_urls, pre, extra_options)
      {
        findLinks: Array(find_links), indexUrl: index_url, extraIndexUrls: Array(extra_index_urls), pre: pre,
        extraOptions: extra_options
      }
    end
  end
end
