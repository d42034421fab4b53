import { hello, left } from './hello.mjs';

hello().then((said) => console.log(said, left()));
