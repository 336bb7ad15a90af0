export{c17_a as a,c17_b as b,c17_c as c,c17_d as d}from"../sign.js";
