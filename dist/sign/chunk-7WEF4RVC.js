export{c5_a as a,c5_b as b,c5_c as c,c5_d as d}from"../sign.js";
