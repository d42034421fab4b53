export default { serverExternalPackages: ['@daytonaio/sdk'] };
