export{c0_a as a,c0_b as b,c0_c as c,c0_d as d,c0_e as e}from"./run.js";
