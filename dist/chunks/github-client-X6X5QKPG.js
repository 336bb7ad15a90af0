import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a as o}from"./chunk-X76HD4AR.js";import"./chunk-FYUFUVTY.js";import"./chunk-JWGXQPI2.js";import{a as t}from"./chunk-MY6HFBWK.js";function p(e,i){return o(e,{baseUrl:i.GITHUB_API_URL||"https://api.github.com"})}t(p,"openGithub");export{p as openGithub};
