import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a,b,c}from"./chunk-PXCF7T6F.js";import"./chunk-OCVV56B2.js";import"./chunk-MZBMIUZP.js";import"./chunk-HVLTN4CQ.js";export{a as sarifLog,b as sarifPath,c as writeSarif};
